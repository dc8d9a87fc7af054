/**
 * Plans that are the same for every request of their kind, made once for a stored answer: whole or 304, for GET or HEAD, by
 * the text of If-None-Match. With them, the head as it goes out. They live as long as the store gives out the same entry
 * (bench: hit, 304).
 */
import { type PreparedHead, type ProxyCall, prepareHead } from '../../proxy/index.ts'
import { headOf, type Passage } from '../passage.ts'
import type { Choice, StoredForms } from '../variants/index.ts'
import { type AnswerPlan, planAnswer } from './answer-plan.ts'

/** Texts of If-None-Match that are remembered for one form of one answer. */
const MOST_CONDITIONS = 16

export class QuickPlan {
  readonly plan: AnswerPlan
  readonly #method: string
  #head: PreparedHead | null = null

  constructor(plan: AnswerPlan, method: string) {
    this.plan = plan
    this.#method = method
  }

  headFor({ answerRules }: ProxyCall): PreparedHead {
    // A reload may have changed the rules of the route.
    if (this.#head === null || this.#head.rules !== answerRules) {
      const { status, fields } = this.plan
      this.#head = prepareHead({ method: this.#method, status, fields }, answerRules)
    }
    return this.#head
  }
}

/** Of one form of one answer. */
interface Remembered {
  get: QuickPlan | null
  head: QuickPlan | null
  readonly conditional: Map<string, QuickPlan>
}

/** Null: the request has a range or a date, and is planned for itself. */
export function quickPlan(passage: Passage, forms: StoredForms, choice: Choice | null): QuickPlan | null {
  const { facts, request } = passage
  const { ifNoneMatch } = facts
  const isOrdinary = facts.range === null && facts.ifMatch === null && facts.ifUnmodifiedSince === null
  if (!isOrdinary || (facts.ifModifiedSince !== null && ifNoneMatch === null)) return null
  const remembered = rememberedOf(choice ?? forms)
  const isHead = request.method === 'HEAD'
  if (ifNoneMatch !== null) return isHead ? null : conditionalPlan(passage, forms, choice, remembered.conditional)
  const known = isHead ? remembered.head : remembered.get
  if (known !== null) return known
  const made = makePlan(passage, forms, choice)
  if (isHead) remembered.head = made
  else remembered.get = made
  return made
}

function conditionalPlan(
  passage: Passage,
  forms: StoredForms,
  choice: Choice | null,
  known: Map<string, QuickPlan>,
): QuickPlan | null {
  const condition = passage.facts.ifNoneMatch as string
  const before = known.get(condition)
  if (before !== undefined) return before
  const made = makePlan(passage, forms, choice)
  if (made === null) return null
  if (known.size >= MOST_CONDITIONS) known.clear()
  known.set(condition, made)
  return made
}

/** Where neither range nor date counts, the time of the request does not either. */
function makePlan({ request, facts }: Passage, { entry }: StoredForms, choice: Choice | null): QuickPlan | null {
  const { method } = request
  const plan = planAnswer(headOf(entry), entry.bodyLength, { method, facts, choice }, 0)
  return plan === null ? null : new QuickPlan(plan, method)
}

function rememberedOf(bearer: { prepared: unknown }): Remembered {
  const before = bearer.prepared as Remembered | null
  if (before !== null) return before
  const made: Remembered = { get: null, head: null, conditional: new Map() }
  bearer.prepared = made
  return made
}
