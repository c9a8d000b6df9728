import layers from "./aroundLayers.ts"
import promise from "./around.ts"

export { middleware } from "./around.ts"
export default [promise, ...layers]
