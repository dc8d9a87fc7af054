/**
 * What commands share: the streams and surroundings they may touch, as arguments, so that tests give their own.
 */

/** What a command may touch. */
export interface CliIo {
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** True where colours help: a terminal, and NO_COLOR is not set. */
  readonly color: boolean
}
