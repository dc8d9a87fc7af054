/** The cases on request fields: hop-by-hop fields, X-Forwarded-For, malformed names, values and Hosts (RFC 9110 §5, §7.6.1). */
import { ask, checkNeighbours, isRejected, noFaults, requestBytes, sendRaw, sleep, tryAsk } from './clients.ts'
import type { Message } from './strict-reader.ts'
import { type CaseFunction, type CaseRun, Miss, must } from './types.ts'

/** Sends a GET with the lines; what came upstream, or null when it was refused. */
async function forward(run: CaseRun, lines: readonly string[]): Promise<Message | null> {
  const sent = await sendRaw(run, requestBytes(`/h-${run.id}`, { lines }), 100)
  await sleep(20)
  noFaults(run)
  const [message] = run.lab.a.seen(`h-${run.id}`)
  if (message === undefined && !isRejected(sent)) throw new Miss(`answered ${sent.status}, nothing upstream`)
  return message ?? null
}

const nominatedTwoLines: CaseFunction = async run => {
  const message = await forward(run, ['Connection: keep-alive', 'CONNECTION: X-HOP', 'X-Hop: 1'])
  must(message === null || message.one('x-hop') === undefined, 'X-Hop was forwarded')
}

/** `Connection: close, FIELD` may take off what the client sent, never what the gateway adds. */
function nominates(field: string, line?: string): CaseFunction {
  return async run => {
    const message = await forward(run, [`Connection: close, ${field}`, ...(line === undefined ? [] : [line])])
    if (message === null) return 'refused'
    must(
      message.all('x-forwarded-for').join(',').endsWith('127.0.0.1'),
      `X-Forwarded-For ${message.all('x-forwarded-for')}`,
    )
    must(message.all('x-forwarded-proto').join() === 'http', `X-Forwarded-Proto ${message.all('x-forwarded-proto')}`)
    const values = line === undefined ? [] : message.all(field.toLowerCase())
    must(values.length === 0 || values.join() === 'a=1', `${field} ${values}`)
    return values.length === 0 ? 'removed' : 'kept'
  }
}

const nominatesFraming: CaseFunction = async run => {
  const sent = await sendRaw(
    run,
    requestBytes(`/h-${run.id}`, { method: 'POST', lines: ['Connection: close, Content-Length'], body: 'hello' }),
  )
  noFaults(run)
  if (isRejected(sent)) return `refused ${sent.status}`
  const [message] = run.lab.a.seen(`h-${run.id}`)
  must(message?.isComplete && message.body.toString() === 'hello', `the body came as ${message?.body}`)
  return 'framed'
}

function hop(line: string): CaseFunction {
  return async run => {
    const message = await forward(run, [line])
    const [name, value] = line.split(': ') as [string, string]
    must(!message?.all(name.toLowerCase()).includes(value), `${line} was forwarded`)
  }
}

function forwardedFor(...lines: string[]): CaseFunction {
  return async run => {
    const message = await forward(run, lines)
    must(message !== null, 'refused')
    const entries = message.all('x-forwarded-for').join(',').split(',')
    must(entries.at(-1)?.trim() === '127.0.0.1', `X-Forwarded-For ${entries}`)
  }
}

const underscore: CaseFunction = async run => {
  const message = await forward(run, ['X_Forwarded_For: 6.6.6.6', 'Content_Length: 5'])
  const aliases = message?.fields.filter(([name]) => name.includes('_')) ?? []
  must(aliases.length === 0, `forwarded ${aliases}`)
  return message === null ? 'refused' : 'dropped'
}

/** A malformed line: refused or dropped; `noFaults` (in `forward`) sees it when it is forwarded as it was. */
function malformed(line: string, isForwarded: (message: Message) => boolean): CaseFunction {
  return async run => {
    const message = await forward(run, [line])
    must(message === null || !isForwarded(message), 'it was forwarded')
    return message === null ? 'refused' : 'dropped or repaired'
  }
}

const obsText: CaseFunction = async run => {
  const message = await forward(run, ['X-V: \xc3\xbc\xff'])
  must(message === null || message.one('x-v') === '\xc3\xbc\xff', `X-V ${JSON.stringify(message?.one('x-v'))}`)
  return message === null ? 'refused' : 'same bytes'
}

/** A bad Host line: a 4xx or a closed connection, nothing upstream. */
function badHost(line: string): CaseFunction {
  return async run => {
    const sent = await sendRaw(run, `GET /h-${run.id} HTTP/1.1\r\n${line}\r\n`)
    must((sent.status >= 400 && sent.status < 500) || (sent.status === 0 && sent.closed), `answered ${sent.status}`)
    await sleep(50)
    must(
      run.lab.origins.every(origin => origin.seen(run.id).length === 0),
      'it went upstream',
    )
    return String(sent.status)
  }
}

const oddFields: CaseFunction = async run => {
  const lines = Array.from({ length: 60 }, (_, i) => {
    if (i % 3 === 0) return `X-Empty-${i}:`
    return i % 3 === 1 ? `X-${'n'.repeat(297)}${i}: v` : `!#$%&'*+-.^|~${i}: \t "odd" \t`
  })
  const got = await tryAsk(run, `/h-${run.id}`, { lines })
  must((got.status >= 200 && got.status < 300) || (got.status >= 400 && got.status < 500), `answered ${got.status}`)
  noFaults(run)
  return String(got.status)
}

const protoNames: CaseFunction = async run => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty']
  const lines = names.flatMap(name => [`${name}: 1`, `${name}: 2`])
  const got = await ask(run, `/h-${run.id}`, { lines })
  must((got.status >= 200 && got.status < 300) || (got.status >= 400 && got.status < 500), `answered ${got.status}`)
  await checkNeighbours(run)
  noFaults(run)
  return String(got.status)
}

const whole = (message: Message) => message.head

export const headers: Readonly<Record<string, CaseFunction>> = {
  'connection-nominated-two-lines': nominatedTwoLines,
  'connection-nominates-xff': nominates('X-Forwarded-For'),
  'connection-nominates-xfp': nominates('X-Forwarded-Proto'),
  'connection-nominates-cookie': nominates('Cookie', 'Cookie: a=1'),
  'connection-nominates-authorization': nominates('Authorization', 'Authorization: a=1'),
  'connection-nominates-framing': nominatesFraming,
  'hop-keep-alive': hop('Keep-Alive: timeout=99'),
  'hop-proxy-connection': hop('Proxy-Connection: keep-alive'),
  'hop-te': hop('TE: gzip'),
  'hop-upgrade': hop('Upgrade: foo/1'),
  'xff-untrusted': forwardedFor('X-Forwarded-For: 6.6.6.6'),
  'xff-two-lines': forwardedFor('X-Forwarded-For: 6.6.6.6', 'x-fOrWaRdEd-FoR: 7.7.7.7'),
  'underscore-alias': underscore,
  'bad-name-no-colon': malformed('XnoColon', message => whole(message).includes('XnoColon')),
  'bad-name-utf8': malformed('X-\xc3\xbc: 1', message => whole(message).includes('X-\xc3')),
  'bad-value-nul': malformed('X-V: a\0b', message => whole(message).includes('\0')),
  'bad-value-bare-cr': malformed('X-V: a\rX-Evil: 1', message => /a\rX-Evil|\nX-Evil/.test(whole(message))),
  'value-obs-text': obsText,
  'host-missing': badHost(''),
  'host-space': badHost('Host: app.test evil\r\n'),
  'host-slash': badHost('Host: app.test/evil\r\n'),
  'host-space-before-colon': badHost('Host : app.test\r\n'),
  'host-bad-port': badHost('Host: app.test:x80\r\n'),
  'request-id-not-crashing': oddFields,
  'proto-name': protoNames,
}
