/**
 * What encoders cost and save, as a first guess: megabytes a second on one core and the share of the size that is left, on
 * JSON and on HTML. The controller corrects both by what it measures on the route's own answers.
 */
import type { Coding } from '../types.ts'

export interface CodingFacts extends Coding {
  readonly bytesPerMs: number
  readonly ratio: number
}

const MEGABYTE_A_SECOND = 1000

function table(rows: Readonly<Record<string, readonly [speed: number, ratio: number]>>): readonly CodingFacts[] {
  return Object.entries(rows).map(([name, [speed, ratio]]) => {
    const [algo = 'identity', level = '0'] = name.split(':')
    return { algo, level: Number(level), bytesPerMs: speed * MEGABYTE_A_SECOND, ratio }
  })
}

const json = table({
  'identity:0': [1e9, 1],
  'gzip:1': [180, 0.248],
  'gzip:6': [72, 0.22],
  'gzip:9': [40, 0.209],
  'br:0': [624, 0.252],
  'br:1': [334, 0.223],
  'br:2': [210, 0.207],
  'br:3': [184, 0.206],
  'br:4': [124, 0.202],
  'br:5': [69, 0.188],
  'br:6': [56, 0.184],
  'br:7': [40, 0.18],
  'br:8': [34, 0.178],
  'br:9': [10, 0.177],
})

const html = table({
  'identity:0': [1e9, 1],
  'gzip:1': [299, 0.159],
  'gzip:6': [98, 0.134],
  'gzip:9': [46, 0.129],
  'br:0': [969, 0.186],
  'br:1': [501, 0.159],
  'br:2': [284, 0.153],
  'br:3': [232, 0.148],
  'br:4': [159, 0.144],
  'br:5': [94, 0.132],
  'br:6': [76, 0.129],
  'br:7': [59, 0.125],
  'br:8': [47, 0.122],
  'br:9': [12, 0.121],
})

export const identity: Coding = { algo: 'identity', level: 0 }
/** Fast enough to hurt nobody, and nearly as small as anything slower. */
export const firstCoding: Coding = { algo: 'br', level: 1 }

export function codingsFor(contentType: string): readonly CodingFacts[] {
  return contentType.includes('html') ? html : json
}

export function sameCoding(a: Coding, b: Coding): boolean {
  return a.algo === b.algo && a.level === b.level
}

/** Already as small as it gets: pictures, films, sound, archives, fonts. */
export function isCompressed(contentType: string): boolean {
  if (contentType.includes('svg')) return false
  return /jpe?g|png|webp|avif|gif|image|video|audio|zip|gzip|woff2|pdf/.test(contentType)
}
