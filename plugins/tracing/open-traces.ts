/**
 * The open traces of an app. What belongs to a request rides on the object that stands for it and goes with it, so nothing
 * can be left behind by a client that leaves or a reply that was hijacked.
 */
import type { Context, Span, SpanOptions, Tracer } from '@opentelemetry/api'
import type { AttemptRecord, ExchangeEntry } from '../contract/index.ts'
import { attemptShape, methodWord, partShapes, requestShape, type SpanShape } from './spans.ts'
import type { Tracing } from './types.ts'

type Api = typeof import('@opentelemetry/api')

/** `span` null = another instrumentation has its own for the request. */
interface Open {
  readonly context: Context
  readonly span: Span | null
  readonly beganMs: number
}

const openKey: unique symbol = Symbol('hearthgate.trace')

interface Traced {
  [openKey]?: Open
}

/** As far as it is read here; also an upgrade, which is no request of Fastify. */
interface Incoming {
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Of @fastify/otel. */
  opentelemetry?(): { readonly context: Context; readonly span: Span | null }
}

export class OpenTraces implements Tracing {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #urlOf: (entry: ExchangeEntry) => string

  constructor(api: Api, urlOf: (entry: ExchangeEntry) => string) {
    this.#api = api
    this.#urlOf = urlOf
    this.#tracer = api.trace.getTracer('hearthgate')
  }

  begin(request: object): void {
    ;(request as Traced)[openKey] ??= this.#open(request as Incoming, performance.now())
  }

  fieldsFor(request: object): Record<string, string> {
    const fields: Record<string, string> = {}
    const open = (request as Traced)[openKey]
    if (open !== undefined) this.#api.propagation.inject(open.context, fields)
    return fields
  }

  attempted(record: AttemptRecord): void {
    const open = (record.incoming as Traced | undefined)?.[openKey]
    if (open !== undefined) this.#tell(attemptShape(record), open.context, this.#api.SpanKind.CLIENT)
  }

  /** A request, or a tunnel, is over. */
  ended(entry: ExchangeEntry, noted: object): void {
    const endMs = performance.now()
    const open = (noted as Traced)[openKey] ?? this.#openLate(noted, endMs - entry.durationMs)
    if (open === null || this.#isUnwanted(open)) return
    for (const shape of partShapes(entry, open.beganMs, endMs)) this.#tell(shape, open.context)
    if (open.span === null) return
    const { name, attributes, error } = requestShape(entry, endMs, this.#urlOf(entry))
    open.span.updateName(name)
    this.#finish(open.span, { attributes, error, endMs })
  }

  /** A request that was never begun here, such as a tunnel. */
  #openLate(noted: object, startMs: number): Open | null {
    return 'headers' in noted ? this.#open(noted as Incoming, startMs) : null
  }

  #open(request: Incoming, startMs: number): Open {
    const theirs = request.opentelemetry?.()
    if (theirs !== undefined && theirs.span !== null) return { context: theirs.context, span: null, beganMs: startMs }
    const { ROOT_CONTEXT, propagation, SpanKind, trace } = this.#api
    const parent = propagation.extract(ROOT_CONTEXT, request.headers)
    const options = { kind: SpanKind.SERVER, startTime: wallClock(startMs) }
    const span = this.#tracer.startSpan(methodWord(request.method ?? ''), options, parent)
    return { context: trace.setSpan(parent, span), span, beganMs: startMs }
  }

  /** Nobody records it: its parts would be made for nothing. */
  #isUnwanted({ span }: Open): boolean {
    return span !== null && !span.isRecording()
  }

  #tell({ name, startMs, ...ending }: SpanShape, parent: Context, kind?: SpanOptions['kind']): void {
    const options = { startTime: wallClock(startMs), ...(kind === undefined ? {} : { kind }) }
    this.#finish(this.#tracer.startSpan(name, options, parent), ending)
  }

  #finish(span: Span, { attributes, error, endMs }: Pick<SpanShape, 'attributes' | 'error' | 'endMs'>): void {
    span.setAttributes(attributes)
    if (error !== null) span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: error })
    span.end(wallClock(endMs))
  }
}

/** A time of `performance.now()` in ms since 1970. */
const wallClock = (ms: number): number => performance.timeOrigin + ms
