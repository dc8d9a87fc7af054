/** `app.tracing`. Kept free of the types of OpenTelemetry, so that apps without that package compile. */
export interface Tracing {
  /** Begins the span of a request. */
  begin(request: object): void
  /** The fields that bring the trace of a request to an origin, by the propagator of the SDK; empty where there is none. */
  fieldsFor(request: object): Record<string, string>
}
