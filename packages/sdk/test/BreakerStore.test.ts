import { BreakerStore } from "@outrigger/sdk"
import { suite } from "../../../test/conformance/BreakerStore.ts"

suite("the memory store", BreakerStore.layerMemory)
