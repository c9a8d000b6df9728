const nothing = undefined as unknown as { readonly handle: () => unknown }

export default [nothing.handle()]
