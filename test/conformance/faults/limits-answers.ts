/** Answers that would harm whoever unpacks them: bombs and chains of codings. */
import { gzipSync } from 'node:zlib'
import { ask, checkNeighbours, watchMemory } from './clients.ts'
import { answer } from './origin.ts'
import { type CaseFunction, must } from './types.ts'

const MIB = 1024 ** 2

const bomb: CaseFunction = async run => {
  const member = gzipSync(Buffer.alloc(16 * MIB))
  const packed = Buffer.concat(Array.from({ length: 64 }, () => member))
  run.lab.a.scripts.set(`z-${run.id}`, arrival => arrival.end(answer(200, ['Content-Encoding: gzip'], packed)))
  const memory = watchMemory(run)
  const got = await ask(run, `/z-${run.id}`, { lines: ['Accept-Encoding: gzip'] })
  must(got.status === 200 && got.body.equals(packed), `answered ${got.status} with ${got.body.length} bytes`)
  must(got.headers['content-encoding'] === 'gzip', `Content-Encoding ${got.headers['content-encoding']}`)
  const grown = memory.stop()
  must(grown < 64, `memory grew ${Math.round(grown)} MiB`)
  return `${Math.round(packed.length / 1024)} KiB, memory +${Math.round(grown)} MiB`
}

const codingChain: CaseFunction = async run => {
  const chain = Array.from({ length: 500 }, () => 'gzip').join(', ')
  run.lab.a.scripts.set(`z-${run.id}`, arrival => arrival.end(answer(200, [`Content-Encoding: ${chain}`], 'packed')))
  const got = await ask(run, `/z-${run.id}`, { lines: ['Accept-Encoding: gzip'], ms: 3_000 })
  const isSame = got.headers['content-encoding'] === chain && got.text === 'packed'
  must(got.status >= 500 || isSame, `answered ${got.status}, changed`)
  await checkNeighbours(run)
  return String(got.status)
}

export const limitsOfAnswers: Readonly<Record<string, CaseFunction>> = {
  'response-gzip-bomb': bomb,
  'response-coding-chain': codingChain,
}
