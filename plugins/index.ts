/**
 * Every plugin by name: `import { upstream, proxy } from 'hearthgate'`.
 */
export { access } from './access/index.ts'
export { accessLog } from './access-log/index.ts'
export { admission } from './admission/index.ts'
export { batch } from './batch/index.ts'
export { cache } from './cache/index.ts'
export { compression } from './compression/index.ts'
export { metrics } from './metrics/index.ts'
export { proxy } from './proxy/index.ts'
export { rateLimit } from './rate-limit/index.ts'
export { retry } from './retry/index.ts'
export { tracing } from './tracing/index.ts'
export { tuner } from './tuner/index.ts'
export { upstream } from './upstream/index.ts'
export { websocket } from './websocket/index.ts'
