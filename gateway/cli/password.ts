/**
 * `hearthgate password`: reads a password from stdin, without showing it on a terminal, and prints the hash for
 * `access.basic.users`.
 */
import { type Algorithm, algorithms, hashPassword } from '../../plugins/access/index.ts'
import type { CliIo } from './io.ts'

/** Longest password that is read. */
const MAX_LENGTH = 512
/** What Ctrl-C is on a terminal in raw mode. */
const INTERRUPT = '\u0003'
/** What ends the line; the last is Ctrl-D. */
const ENDS = ['\r', '\n', INTERRUPT, '\u0004']

export interface PasswordArgs {
  readonly stdin: NodeJS.ReadStream
  readonly algorithm: string
}

const isAlgorithm = (text: string): text is Algorithm => algorithms.some(name => name === text)

/** Returns the exit code: 0, or 1 where nothing was typed or the hash cannot be made. */
export async function runPassword({ stdin, algorithm }: PasswordArgs, io: CliIo): Promise<number> {
  if (!isAlgorithm(algorithm)) {
    io.stderr.write(`hearthgate: --algorithm is one of ${algorithms.join(', ')}\n`)
    return 1
  }
  if (stdin.isTTY) io.stderr.write('password (it is not shown): ')
  const password = await readLine(stdin)
  if (stdin.isTTY) io.stderr.write('\n')
  if (password === '' || password.length > MAX_LENGTH) {
    io.stderr.write(`hearthgate: type a password of 1 to ${MAX_LENGTH} characters\n`)
    return 1
  }
  try {
    io.stdout.write(`${await hashPassword(password, algorithm)}\n`)
    return 0
  } catch (error) {
    io.stderr.write(`hearthgate: ${(error as Error).message}\n`)
    return 1
  }
}

async function readLine(stdin: NodeJS.ReadStream): Promise<string> {
  let text = ''
  stdin.setEncoding('utf8')
  if (stdin.isTTY) stdin.setRawMode(true)
  try {
    for await (const part of stdin) {
      text = typed(text, String(part))
      if (ENDS.some(end => text.includes(end)) || text.length > MAX_LENGTH * 2) break
    }
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false)
  }
  const end = Math.min(...ENDS.map(char => text.indexOf(char)).filter(at => at !== -1), text.length)
  return text.includes(INTERRUPT) ? '' : text.slice(0, end)
}

/** A terminal in raw mode sends the backspace as a character. */
function typed(before: string, part: string): string {
  let text = before
  for (const char of part) text = char === '\u007f' || char === '\b' ? text.slice(0, -1) : text + char
  return text
}
