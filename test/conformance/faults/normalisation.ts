/** The cases on targets: deny rules, mounts, server-side request forgery, fidelity (RFC 3986 §6, RFC 9112 §3.2). */
import { ask, checkNeighbours, noFaults, requestBytes, sendRaw, sleep } from './clients.ts'
import { askH2 } from './h2.ts'
import { answer } from './origin.ts'
import { mayReach, staysBelow } from './readings.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

/** The target in a sentence `GET TARGET …`, in which a target has no space. */
function targetOf(run: CaseRun): string {
  const target = run.fault.sends.slice(4).split(/ on any host;|; | plus /)[0] as string
  return target.replaceAll('ID', run.id).replaceAll('28198', String(run.lab.decoy.port))
}

function checkSecret(run: CaseRun): void {
  const reached = run.lab.origins.flatMap(origin => origin.messages).filter(({ target }) => mayReach(target, '/secret'))
  must(reached.length === 0, `upstream got ${reached[0]?.target}`)
}

const deny: CaseFunction = async run => {
  const statuses: number[] = []
  must((await ask(run, `/pub/open-${run.id}`)).status === 200, 'not even an open path is served')
  for (const host of ['app.test', 'pool.test', 'limit.test', 'other.test']) {
    const sent = await sendRaw(run, requestBytes(targetOf(run), { host }), 100)
    await sleep(20)
    checkSecret(run)
    const forwarded = run.lab.origins.some(origin => origin.seen(`/${run.id}`).length > 0)
    must(sent.status < 200 || sent.status >= 300 || forwarded, `${host} answered ${sent.status}`)
    statuses.push(sent.status)
  }
  noFaults(run)
  return [...new Set(statuses)].join()
}

const denyH2: CaseFunction = async run => {
  const statuses: number[] = []
  must((await askH2(run, `/pub/open-${run.id}`)).status === 200, 'not even an open path is served')
  for (const path of [`/pub/%2e%2e/secret/${run.id}`, `/%73ecret/${run.id}`]) {
    const got = await askH2(run, path)
    must(got.status < 200 || got.status >= 300, `answered ${got.status}`)
    statuses.push(got.status)
  }
  checkSecret(run)
  return statuses.join()
}

const doubleEncoded: CaseFunction = async run => {
  const target = targetOf(run)
  const sent = await sendRaw(run, requestBytes(target), 100)
  const [message] = run.lab.a.seen(run.id)
  must(sent.status >= 400 || message?.target === target, `upstream got ${message?.target}`)
  return String(sent.status)
}

const mount: CaseFunction = async run => {
  await ask(run, `/app/in-${run.id}`)
  must(run.lab.m.messages[0]?.target === `/base/in-${run.id}`, `the mount gives ${run.lab.m.messages[0]?.target}`)
  const sent = await sendRaw(run, requestBytes(targetOf(run)), 100)
  await sleep(20)
  const outside = run.lab.m.messages.filter(({ target }) => !staysBelow(target, '/base'))
  must(outside.length === 0, `the mounted upstream got ${outside[0]?.target}`)
  noFaults(run)
  return String(sent.status)
}

const forgery: CaseFunction = async run => {
  const before = run.lab.decoy.connections
  const sent = await sendRaw(run, requestBytes(targetOf(run)), 100)
  await sleep(100)
  must(run.lab.decoy.connections === before, 'the decoy got a connection')
  noFaults(run)
  return String(sent.status)
}

const redirect: CaseFunction = async run => {
  const location = `http://127.0.0.1:${run.lab.decoy.port}/x`
  run.lab.a.scripts.set(`r-${run.id}`, arrival => arrival.end(answer(302, [`Location: ${location}`])))
  const got = await ask(run, `/r-${run.id}`)
  must(got.status === 302 && got.headers['location'] === location, `answered ${got.status} ${got.headers['location']}`)
  await sleep(100)
  must(run.lab.decoy.connections === 0, 'the decoy got a connection')
}

const fidelity: CaseFunction = async run => {
  const target = targetOf(run)
  const got = await ask(run, target)
  const [message] = run.lab.a.seen(run.id)
  must(message?.target === target, `answered ${got.status}, upstream got ${message?.target}`)
}

const rawUtf8: CaseFunction = async run => {
  const sent = await sendRaw(run, requestBytes(`/k-${run.id}/\xc3\xbc\xff`), 100)
  if (sent.status === 400) return '400'
  const target = run.lab.a.seen(run.id)[0]?.target ?? ''
  const isSame = target.endsWith('/\xc3\xbc\xff') || target.toLowerCase().endsWith('/%c3%bc%ff')
  must(isSame, `answered ${sent.status}, upstream got ${JSON.stringify(target)}`)
  return 'forwarded'
}

const rawControl: CaseFunction = async run => {
  const sent = await sendRaw(run, requestBytes(`/k-${run.id}/a\x01b`), 100)
  const target = run.lab.a.seen(run.id)[0]?.target
  must(
    sent.status === 400 || target?.endsWith('a%01b'),
    `answered ${sent.status}, upstream got ${JSON.stringify(target)}`,
  )
  noFaults(run)
  return String(sent.status)
}

const encodedCrlf: CaseFunction = async run => {
  const statuses: number[] = []
  for (const mount of ['/app', '']) {
    const sent = await sendRaw(run, requestBytes(`${mount}/${run.id}%0d%0aX-Evil:%201`), 100)
    must(!/^x-evil/im.test(sent.raw.split('\r\n\r\n')[0] as string), 'X-Evil in the answer')
    statuses.push(sent.status)
  }
  for (const message of run.lab.origins.flatMap(origin => origin.seen(run.id))) {
    must(/%0d%0aX-Evil:%201$/i.test(message.target), `upstream got ${JSON.stringify(message.target)}`)
    must(message.one('x-evil') === undefined, 'X-Evil upstream')
  }
  noFaults(run)
  return statuses.join()
}

const methodCase: CaseFunction = async run => {
  const statuses: number[] = []
  for (const method of ['gEt', 'FOO']) {
    const sent = await sendRaw(run, requestBytes(`/secret/${run.id}`, { method }), 100)
    must(sent.status >= 400 || sent.status === 0, `${method} answered ${sent.status}`)
    statuses.push(sent.status)
  }
  checkSecret(run)
  return statuses.join()
}

const hostSpelling: CaseFunction = async run => {
  const { b, c } = run.lab
  for (const host of ['POOL.test', 'pool.test.']) {
    const path = `/${host.length}-${run.id}`
    const got = await ask(run, path, { host })
    const isPool = [b, c].some(origin => origin.seen(path).length === 1)
    must(isPool || (host.endsWith('.') && got.status >= 400 && got.status < 500), `${host} answered ${got.status}`)
  }
}

const absoluteForm: CaseFunction = async run => {
  const sent = await sendRaw(run, requestBytes(`http://pool.test/${run.id}`), 100)
  if (sent.status === 400) return '400'
  const [message] = [run.lab.b, run.lab.c].flatMap(origin => origin.seen(run.id))
  must(message?.all('host').join() === 'pool.test', `answered ${sent.status}, Host ${message?.all('host')}`)
  await checkNeighbours(run, 1)
  return 'routed by the target'
}

const named = (names: string, fn: CaseFunction) => names.split(' ').map(name => [name, fn] as const)

export const normalisation: Readonly<Record<string, CaseFunction>> = Object.fromEntries([
  ...named('deny-plain deny-encoded-letter deny-encoded-letter-later deny-encoded-dots deny-all-encoded', deny),
  ...named('deny-encoded-slash-first deny-slash-dot-slash deny-backslash deny-absolute-form', deny),
  ...named('deny-fragment-after-pub deny-query-no-effect', deny),
  ...named('mount-dotdot mount-encoded-slash mount-deep mount-backslash mount-encoded-backslash', mount),
  ...named('mount-double-slash mount-all-encoded', mount),
  ...named('ssrf-at-sign ssrf-backslashes ssrf-under-mount ssrf-port-suffix', forgery),
  ...named('fidelity-reserved fidelity-plus-and-subdelims', fidelity),
  ['deny-h2', denyH2],
  ['deny-double-encoded-once', doubleEncoded],
  ['ssrf-redirect', redirect],
  ['raw-utf8', rawUtf8],
  ['raw-control', rawControl],
  ['encoded-crlf', encodedCrlf],
  ['method-case', methodCase],
  ['host-case-and-dot', hostSpelling],
  ['absolute-form-host', absoluteForm],
])
