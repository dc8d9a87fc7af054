/**
 * Plans that are the same for every request of their kind, made once for a stored answer: whole or 304, for GET or HEAD, by
 * the text of If-None-Match. With them, the head as it goes out. They live as long as the store gives out the same entry
 * (bench: hit, 304).
 */
import { type PreparedHead, type ProxyCall, prepareHead } from '../../proxy/index.ts'
import { headOf, type Passage } from '../passage.ts'
import { matchesWeakly } from '../rules/validation.ts'
import type { Choice, StoredForms } from '../variants/index.ts'
import { type AnswerPlan, planAnswer } from './answer-plan.ts'

/** Texts of If-None-Match that are remembered for one form of one answer, and how long they may be: a tag and its marks. */
const MOST_CONDITIONS = 16
const MOST_CONDITION_CHARACTERS = 256
/** Plans for all answers together, which are in no account of a store: with one more all are forgotten. */
export const MOST_PLANS = 8_192

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
  /** Not before a second request has met it: stores that give out another entry each time would fill the book for nothing. */
  isCounted: boolean
}

/** Null: the request has a range or a date, and is planned for itself. */
export function quickPlan(passage: Passage, forms: StoredForms, choice: Choice | null): QuickPlan | null {
  const { facts, request } = passage
  const { ifNoneMatch } = facts
  const isOrdinary = facts.range === null && facts.ifMatch === null && facts.ifUnmodifiedSince === null
  if (!isOrdinary || (facts.ifModifiedSince !== null && ifNoneMatch === null)) return null
  const remembered = rememberedOf(choice ?? forms)
  const isHead = request.method === 'HEAD'
  if (ifNoneMatch !== null) return isHead ? null : conditionalPlan(passage, forms, choice, remembered)
  const known = isHead ? remembered.head : remembered.get
  if (known !== null) return known
  const made = makePlan(passage, forms, choice)
  if (isHead) remembered.head = made
  else remembered.get = made
  countPlan(remembered)
  return made
}

function conditionalPlan(
  passage: Passage,
  forms: StoredForms,
  choice: Choice | null,
  remembered: Remembered,
): QuickPlan | null {
  const known = remembered.conditional
  const condition = passage.facts.ifNoneMatch as string
  const before = known.get(condition)
  if (before !== undefined) return before
  const made = makePlan(passage, forms, choice)
  if (made === null || !isForAll(made.plan, condition, forms, choice)) return made
  if (known.size >= MOST_CONDITIONS) known.clear()
  known.set(condition, made)
  countPlan(remembered)
  return made
}

/**
 * Whether the text of If-None-Match alone decides about the plan, and may come again: where no form was chosen, a tag with
 * one of our marks holds for those who still take its coding. What matches nothing is anything that a client thinks of.
 */
function isForAll({ kind }: AnswerPlan, condition: string, { entry }: StoredForms, choice: Choice | null): boolean {
  if (kind !== 'not-modified' || condition.length > MOST_CONDITION_CHARACTERS) return false
  const { etag, ownTag } = headOf(entry)
  return choice !== null || matchesWeakly(condition, etag ?? ownTag)
}

/** Where neither range nor date counts, the time of the request does not either. */
function makePlan({ request, facts }: Passage, { entry }: StoredForms, choice: Choice | null): QuickPlan | null {
  const { method } = request
  const plan = planAnswer(headOf(entry), entry.bodyLength, { method, facts, choice }, 0)
  return plan === null ? null : new QuickPlan(plan, method)
}

interface Bearer {
  prepared: unknown
}

/** Weakly: the bearer of a plan holds an answer, which has left the store when the store has no room for it. */
let bearers: WeakRef<Bearer>[] = []
let plans = 0

function rememberedOf(bearer: Bearer): Remembered {
  const before = bearer.prepared as Remembered | null
  if (before === null) {
    const made: Remembered = { get: null, head: null, conditional: new Map(), isCounted: false }
    bearer.prepared = made
    return made
  }
  if (!before.isCounted) {
    before.isCounted = true
    bearers.push(new WeakRef(bearer))
    countPlan(before)
  }
  return before
}

function countPlan({ isCounted }: Remembered): void {
  if (!isCounted || ++plans <= MOST_PLANS) return
  for (const each of bearers) {
    const bearer = each.deref()
    if (bearer !== undefined) bearer.prepared = null
  }
  bearers = []
  plans = 0
}
