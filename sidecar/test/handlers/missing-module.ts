// @ts-expect-error: that it is not there is the point
import { handler } from "./not-there.ts"

export default handler
