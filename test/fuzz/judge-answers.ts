/** Whether what a client was told can be right for what the origin answered. Pure. */
import type { Reply } from './answer-grammar.ts'
import { type Answer, readAnswer, readOriginsAnswer } from './read-answers.ts'
import { type Field, valuesOf } from './wire-lines.ts'

/** Fields of the connection to the client, and what the gateway adds. */
const own = new Set([
  'via',
  'x-request-id',
  'date',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'trailer',
  'cache-status',
  'proxy-status',
])

/** A trailer section or a chunk extension of the grammar that is above the gateway's bounds: to cut it is right. */
const TOO_LONG = /t{4000}|e{4097}|0{13}/

/** Everything that is wrong; empty = all invariants hold. `answered`: all bytes until the client knew the end, or the end came. */
export function judgeAnswer(reply: Reply, answered: string): string[] {
  const { method } = reply
  const model = readOriginsAnswer(reply.bytes, method, reply.after === 'end')
  const { answer, ending, end } = readAnswer(answered, method, true)
  if (answer === null) {
    // Cut before its head went out: only interim answers, if anything, may have come.
    const isCut = ending === 'partial' && (model.ending !== 'whole' || TOO_LONG.test(reply.bytes))
    return isCut && /^(HTTP\/1\.1 10[23] .*\r\n([^\r]+\r\n)*\r\n)*$/.test(answered)
      ? []
      : [`no answer that can be read (${ending})`]
  }
  const wrong =
    end < answered.length ? [`bytes behind the answer: ${JSON.stringify(answered.slice(end, end + 100))}`] : []
  if (ending === 'invalid') wrong.push('an answer that breaks the rules')
  if (answer.untilClose) wrong.push('an answer whose end cannot be told from a cut')
  if (isOwn(answer)) return wrong
  if (model.answer === null || answer.status === 101) return [...wrong, `${answer.status} out of nothing`]
  return [...wrong, ...compare(answer, model.answer, method), ...judgeCut(answer, model.answer, reply)]
}

/** Made by the gateway because it did not like the origin's. */
export function isOwn({ status, fields }: Answer): boolean {
  return status >= 502 && status <= 504 && valuesOf(fields, 'proxy-status').some(value => value.includes('hearthgate'))
}

/** A reset takes what has not been read with it. */
function judgeCut(answer: Answer, model: Answer, { bytes, after }: Reply): string[] {
  const isCut = answer.ending !== 'whole' && model.ending === 'whole'
  return isCut && after !== 'reset' && !TOO_LONG.test(bytes) ? ['was cut without a reason'] : []
}

function compare(answer: Answer, model: Answer, method: string): string[] {
  const wrong: string[] = []
  if (answer.status !== model.status) wrong.push(`${answer.status} for ${model.status}`)
  if (answer.ending === 'whole' && model.ending !== 'whole' && method !== 'HEAD')
    wrong.push(`looks whole, and is ${model.ending}`)
  const isBody = answer.ending === 'whole' ? answer.body === model.body : model.body.startsWith(answer.body)
  if (!isBody)
    wrong.push(
      `another body: ${JSON.stringify(answer.body.slice(0, 100))} for ${JSON.stringify(model.body.slice(0, 100))}`,
    )
  const isTheirs = ([name, value]: Field) => model.fields.some(([n, v]) => n === name && v === value)
  for (const field of answer.fields)
    if (!own.has(field[0]) && !isTheirs(field)) wrong.push(`a field that nobody sent: ${JSON.stringify(field)}`)
  const cookies = (fields: readonly Field[]) => valuesOf(fields, 'set-cookie').join('\n')
  if (cookies(answer.fields) !== cookies(model.fields)) wrong.push('other cookies')
  for (const field of answer.trailers)
    if (!model.trailers.some(([n, v]) => n === field[0] && v === field[1]))
      wrong.push(`a trailer that nobody sent: ${JSON.stringify(field)}`)
  if (answer.interim.length > model.interim.length) wrong.push('more interim answers than the origin sent')
  return wrong
}
