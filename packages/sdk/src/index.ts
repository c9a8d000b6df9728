/** Outrigger for Effect: policies, APIs, health and durable tasks. Without Effect: `@outrigger/sdk/promise`. */
export * as Task from "./Task.ts"
export * as TaskHandlers from "./TaskHandlers.ts"
export * as Tasks from "./Tasks.ts"
export * as TaskStore from "./TaskStore.ts"
