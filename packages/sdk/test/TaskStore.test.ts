import { TaskStore } from "@outrigger/sdk"
import { suite } from "../../../test/conformance/TaskStore.ts"

suite("the memory store", TaskStore.layerMemory)
