import { TaskStore } from "@outrigger/sdk"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite } from "../../../test/conformance/TaskStore.ts"

suite("the memory store", TaskStore.layerMemory)
queues("the memory store", TaskStore.layerMemory)
