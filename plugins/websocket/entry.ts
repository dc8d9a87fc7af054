/**
 * Whether an upgrade may come in where the app has rules of `hearthgate/access`: Fastify's hooks do not see upgrades, so
 * that those rules are asked here.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { LocalAnswer } from './local-answer.ts'

/** The part of `app.access` that this plugin needs. */
interface UpgradeEntry {
  decideUpgrade(request: IncomingMessage): EntryDecision | Promise<EntryDecision>
}

type EntryDecision =
  | { readonly pass: true; readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }
  | {
      readonly pass: false
      readonly status: number
      readonly headers: Readonly<Record<string, string | string[]>>
      readonly body: Buffer | null
    }

/** The refusal, or a change of the lines for the origin. */
export type Entry =
  | { readonly refusal: LocalAnswer }
  | { readonly refusal: null; readonly change: (lines: readonly string[]) => string[] }

export async function entryOf(app: FastifyInstance, request: IncomingMessage): Promise<Entry> {
  if (!app.hasDecorator('access')) return { refusal: null, change: lines => [...lines] }
  const decision = await (app as unknown as { access: UpgradeEntry }).access.decideUpgrade(request)
  if (decision.pass) return { refusal: null, change: lines => changed(lines, decision) }
  const { status, headers, body } = decision
  const fields = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-length')
  const lines = fields.flatMap(([name, value]) => [value].flat().flatMap(one => [name, one]))
  return { refusal: { status, headers: lines, body: body ?? '' } }
}

function changed(lines: readonly string[], { set, remove }: Extract<EntryDecision, { pass: true }>): string[] {
  const gone = new Set([...remove, ...Object.keys(set)].map(name => name.toLowerCase()))
  const kept = lines.filter((_, i) => !gone.has((lines[i - (i % 2)] as string).toLowerCase()))
  return [...kept, ...Object.entries(set).flat()]
}
