/** Several processes on the same listeners (`workers` of the configuration). */
export { openSupervisor } from './supervisor.ts'
export { runWorker } from './worker.ts'
