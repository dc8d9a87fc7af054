/** The smuggling cases that are given as bytes: one function for all, since their `must` names one of three verdicts. */
import { checkNeighbours, isRejected, noFaults, sendRaw, sleep } from './clients.ts'
import { type CaseRun, must } from './types.ts'

/**
 * The published bytes, once as they stand and once with the lengths fitted to the token, so that the hidden request is
 * exactly the body (RFC 9112 §11.2). The text returned says what happened.
 */
export async function runBytes(run: CaseRun): Promise<string> {
  const notes: string[] = []
  for (const [suffix, fit] of [
    ['a', asPublished],
    ['b', fitted],
  ] as const) {
    const one = { ...run, id: run.id + suffix }
    const bytes = fit(run.fault.name, run.fault.sends, one.id.length)
    notes.push(await sendBytes(one, bytes.replaceAll('ID', one.id).replaceAll('28198', String(run.lab.decoy.port))))
  }
  return [...new Set(notes)].join(', ')
}

async function sendBytes(run: CaseRun, bytes: string): Promise<string> {
  const sent = await sendRaw(run, bytes)
  await sleep(50)
  checkUpstream(run)
  const isRefused = isRejected(sent)
  if (run.fault.must.startsWith('answered with 4xx/5xx'))
    must(isRefused, `answered ${sent.status}, closed: ${sent.closed}`)
  else await checkForwarded(run, sent, isRefused)
  await checkNeighbours(run)
  noFaults(run)
  return isRefused ? `refused ${sent.status}` : 'forwarded'
}

const asPublished = (_name: string, sends: string) => sends

/** Lengths that count the token, for a token of `length` bytes. */
function fitted(name: string, sends: string, length: number): string {
  const hidden = 'GET /smug- HTTP/1.1\r\nHost: app.test\r\n\r\n'.length + length
  if (name === 'te-behind-bare-cr') return sends.replace('Length: 50', `Length: ${'0\r\n\r\n'.length + hidden}`)
  if (name === 'te-cl') return sends.replace('3c', (hidden + 'Content-Length: 5\r\n'.length).toString(16))
  if (name.startsWith('chunk-ext-bare')) return sends.replace('43', (hidden + '0\r\n\r\nX: '.length - 2).toString(16))
  return sends.replace('Length: 41', `Length: ${hidden}`)
}

function checkUpstream({ lab, id }: CaseRun): void {
  const hidden = lab.origins.flatMap(origin => origin.seen(`smug-${id}`)).filter(one => one.target.includes('/smug-'))
  must(hidden.length === 0, `hidden request upstream: ${hidden[0]?.head.slice(0, 200)}`)
  must(lab.decoy.connections === 0, 'the decoy got a connection')
}

async function checkForwarded(run: CaseRun, sent: { closed: boolean }, isRefused: boolean): Promise<void> {
  if (isRefused) return
  const messages = run.lab.a.seen(`k-${run.id}`)
  must(messages.length === 1, `${messages.length} messages upstream`)
  must(messages[0]?.isComplete, 'an incomplete message upstream, but no refusal')
  if (run.fault.must.includes('connection closed afterwards')) must(sent.closed, 'the client connection stayed open')
}
