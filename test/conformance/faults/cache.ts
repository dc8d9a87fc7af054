/** The cases on the key of the cache, on poisoning and on errors: what one client sends is no other client's answer (RFC 9111 §4). */
import { describe, get, HOST, minute, serve, serveTexts, untilHit } from './cache-origin.ts'
import type { Asked, Timed } from './clients.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

/** An attacker sends a field that the answer reflects; the ordinary answer, which is kept, never shows it. */
function poison(line: string): CaseFunction {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon).toLowerCase()
  const evil = line.slice(colon + 1).trim()
  return async run => {
    const target = `/p-${run.id}`
    serve(run, target, (message, count) => {
      const value = message.all(name).join()
      return { lines: [minute, `X-Reflected: ${value}`], body: `<n=${count}> <${value}>` }
    })
    const attack = await get(run, target, { lines: [line] })
    must(!attack.text.includes('<>'), `${name} does not reach the origin, so the case shows nothing`)
    mustNotShow(evil, await get(run, target))
    await get(run, target, { lines: [line] })
    mustNotShow(evil, await untilHit(run, target))
  }
}

function mustNotShow(evil: string, victim: Timed): void {
  must(victim.status === 200, `the victim was answered ${victim.status}`)
  const seen = [...victim.lines, victim.text].find(text => text.includes(evil))
  must(seen === undefined, `the victim sees ${seen}`)
}

/** The port in Host is a part of the address: the attacker's answer is another one. */
const poisonPort: CaseFunction = async run => {
  const target = `/p-${run.id}`
  serveTexts(run, target, [minute])
  const attack = await get(run, target, { host: `${HOST}:1337` })
  must(attack.text.includes(':1337') || attack.status >= 400, `the port was not reflected: ${attack.text}`)
  mustNotShow(':1337', await get(run, target))
  await get(run, target, { host: `${HOST}:1337` })
  mustNotShow(':1337', await untilHit(run, target))
  return `${attack.status} for ${HOST}:1337`
}

interface Address extends Asked {
  readonly target: string
}

/** Asks for each of the addresses three times; each is kept, and none is given for another. */
async function mustKeepApart(run: CaseRun, addresses: readonly Address[]): Promise<void> {
  const ask = async (address: Address, how: typeof get) => {
    const got = await how(run, address.target, address)
    const wanted = `<GET ${address.host ?? HOST}${address.target}>`
    must(got.status === 200 && got.text.endsWith(wanted), `${wanted} got ${got.status} ${got.text}`)
  }
  for (const how of [get, untilHit, untilHit]) for (const address of addresses) await ask(address, how)
}

const keyHost: CaseFunction = async run => {
  serveTexts(run, `/k-${run.id}`, [minute])
  await mustKeepApart(
    run,
    ['cache.test', 'cache2.test'].map(host => ({ host, target: `/k-${run.id}` })),
  )
}

const keyQuery: CaseFunction = async run => {
  serveTexts(run, `/k-${run.id}`, [minute])
  await mustKeepApart(
    run,
    ['?a=1', '?a=2', '', '?'].map(query => ({ target: `/k-${run.id}${query}` })),
  )
}

const keyHead: CaseFunction = async run => {
  const target = `/k-${run.id}`
  serveTexts(run, target, [minute])
  const head = await get(run, target, { method: 'HEAD' })
  must(head.status === 200, `HEAD was answered ${head.status}`)
  for (const how of [get, untilHit]) {
    const got = await how(run, target)
    must(got.status === 200 && got.text.includes('<GET '), `GET got ${got.status} ${got.text || 'without body'}`)
  }
  const later = await untilHit(run, target, { method: 'HEAD' })
  must(later.status === 200, `HEAD of what is stored was answered ${later.status}`)
}

const keyPost: CaseFunction = async run => {
  const target = `/k-${run.id}`
  serveTexts(run, target, [minute])
  await get(run, target)
  await untilHit(run, target)
  for (let round = 1; round <= 2; round++) {
    const post = await get(run, target, { method: 'POST', body: 'a=1' })
    must(post.text.includes('<POST '), `POST got ${post.status} ${post.text}`)
    const arrived = run.lab.a.seen(target).filter(({ method }) => method === 'POST')
    must(arrived.length === round, `${arrived.length} of ${round} POSTs came upstream`)
    for (const how of [get, untilHit]) {
      const got = await how(run, target)
      must(got.status === 200 && got.text.includes('<GET '), `GET got ${got.status} ${got.text}`)
    }
  }
}

const fatGet: CaseFunction = async run => {
  const target = `/k-${run.id}`
  serve(run, target, ({ body }, count) => ({ lines: [minute], body: `<n=${count}> <${body.toString('latin1')}>` }))
  const evil = `evil-${run.id}`
  const attack = await get(run, target, { body: evil })
  must(attack.text.includes(evil) || attack.status >= 400, `the body was not reflected: ${attack.text}`)
  mustNotShow(evil, await get(run, target))
  await get(run, target, { body: evil })
  mustNotShow(evil, await untilHit(run, target))
  return `${attack.status} for a GET with a body`
}

/** The first answer is an error that says nothing of its lifetime; the next client gets the page, which is kept. */
function errorFirst(status: number, lines: readonly string[]): CaseFunction {
  return async run => {
    const target = `/e-${run.id}`
    serve(run, target, (message, count) =>
      count === 1 ? { status, lines, body: 'an error' } : { lines: [minute], body: describe(message, count) },
    )
    const first = await get(run, target)
    for (const how of [get, untilHit]) {
      const got = await how(run, target)
      must(got.status === 200 && got.text.startsWith('<n='), `a later client got ${got.status} ${got.text}`)
    }
    return `first ${first.status}`
  }
}

/** The gateway refuses 40 KiB; the origin refuses 20 KiB, which the gateway lets through. */
const oversizeHeader: CaseFunction = async run => {
  const statuses: number[] = []
  for (const size of [40, 20]) {
    const target = `/h${size}-${run.id}`
    serve(run, target, (message, count) =>
      message.head.length > 8 * 1024
        ? { status: 400, body: 'too large' }
        : { lines: [minute], body: describe(message, count) },
    )
    for (const how of [get, untilHit]) {
      const attack = await get(run, target, { lines: [`X-Large: ${'x'.repeat(size * 1024)}`] })
      if (how === get) must(attack.status >= 400, `${size} KiB of fields were answered ${attack.status}`)
      statuses.push(attack.status)
      const victim = await how(run, target)
      must(victim.status === 200 && victim.text.startsWith('<n='), `the victim got ${victim.status} ${victim.text}`)
    }
  }
  return statuses.join()
}

export const cache: Readonly<Record<string, CaseFunction>> = {
  'poison-x-forwarded-host': poison('X-Forwarded-Host: evil.test'),
  'poison-x-forwarded-proto': poison('X-Forwarded-Proto: evil'),
  'poison-x-forwarded-for': poison('X-Forwarded-For: 6.6.6.6'),
  'poison-host-port': poisonPort,
  'key-host': keyHost,
  'key-query': keyQuery,
  'key-method-head': keyHead,
  'key-method-post': keyPost,
  'fat-get': fatGet,
  'error-500': errorFirst(500, []),
  'error-302': errorFirst(302, ['Location: /elsewhere']),
  'oversize-header-error': oversizeHeader,
}
