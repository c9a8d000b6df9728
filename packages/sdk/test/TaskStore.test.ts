import { TaskStore } from "@outrigger/sdk"
import { suite as queues } from "../../../test/conformance/TaskQueues.ts"
import { suite } from "../../../test/conformance/TaskStore.ts"
import { modelSuite } from "../../../test/conformance/TaskStoreModel.ts"

suite("the memory store", TaskStore.layerMemory)
queues("the memory store", TaskStore.layerMemory)
modelSuite("the memory store", TaskStore.layerMemory, 200)
