/** Spans where the package that they need is not installed: a plain word at the start, and nothing of it before. */
import { registerHooks } from 'node:module'
import Fastify from 'fastify'
import t from 'tap'

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('@opentelemetry/')) throw new Error(`Cannot find package '${specifier}'`)
    return next(specifier, context)
  },
})

t.test('the error says what to install', async t => {
  const { tracing } = await import('../../../plugins/tracing/index.ts')
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(async () => app.register(tracing), {
    code: 'HG_TRACING_MISSING',
    message: /npm install @opentelemetry\/api/,
    cause: /Cannot find/,
  })
})
