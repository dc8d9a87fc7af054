// Reads the closing line of a tap run ("# { total: 12, pass: 12 }") and prints it in plain words; fails when nothing ran.
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2], 'utf8')
const line = text.split('\n').findLast(part => /^# \{ total: \d+/.test(part)) ?? ''
const count = name => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
const [total, failed, skipped] = [count('total'), count('fail'), count('skip')]
console.log(`${total - failed - skipped} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = total === 0 || failed > 0 ? 1 : 0
