/** Outrigger on PostgreSQL. */
export * as Database from "./Database.ts"
export * as Doctor from "./Doctor.ts"
export * as Migrations from "./Migrations.ts"
export * as PgBreakerStore from "./PgBreakerStore.ts"
export * as PgLimiterStore from "./PgLimiterStore.ts"
export * as PgSchema from "./PgSchema.ts"
export * as PgTasks from "./PgTasks.ts"
export * as PgTaskStore from "./PgTaskStore.ts"
