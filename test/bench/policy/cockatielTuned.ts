/** cockatiel told not to abort the signal of a function that has returned: what ours never does. */
import { subject } from "./cockatiel.ts"

const { "full-stack": full, "retry-breaker-timeout": three, timeout } = subject({ abortOnReturn: false })

export default { "full-stack": full!, "retry-breaker-timeout": three!, timeout: timeout! }
