export const greet = "not exported by default"
