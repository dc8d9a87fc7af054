/** Several processes on the same listeners (`workers` of the configuration). */
export { openSupervisor, wantedWorkers } from './supervisor.ts'
export { runWorker } from './worker.ts'
