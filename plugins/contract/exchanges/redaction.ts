/**
 * The secrets of one app beside those that every app has; whoever shows an address of it has to hide them.
 */
export interface Redaction {
  /** Stems of names of parameters. */
  readonly names: ReadonlySet<string>
  /** Segments of the paths behind which a secret stands, in lower case. */
  readonly paths: readonly (readonly string[])[]
}
