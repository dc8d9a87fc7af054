/** Reads a V8 sampling heap profile (.heapprofile): allocated bytes by function. */
import { type CallFrame, nameOf, placeOf } from './call-frame.ts'

interface AllocationNode {
  readonly callFrame: CallFrame
  readonly selfSize: number
  readonly children: readonly AllocationNode[]
}

export interface AllocationProfile {
  readonly head: AllocationNode
}

export interface FunctionAllocations {
  readonly name: string
  /** As `placeOf` says it. */
  readonly place: string
  readonly bytes: number
  /** Of all bytes, 0 to 1. */
  readonly share: number
}

/** Functions by what they allocated themselves, most first; all their call sites together. */
export function sumAllocations({ head }: AllocationProfile, projectFolder: string): FunctionAllocations[] {
  const sums = new Map<string, { name: string; place: string; bytes: number }>()
  let total = 0
  const open = [head]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    open.push(...node.children)
    if (node.selfSize === 0) continue
    const [name, place] = [nameOf(node.callFrame), placeOf(node.callFrame, projectFolder)]
    const sum = sums.get(`${name} ${place}`) ?? { name, place, bytes: 0 }
    sum.bytes += node.selfSize
    total += node.selfSize
    sums.set(`${name} ${place}`, sum)
  }
  const functions = [...sums.values()].map(sum => ({ ...sum, share: sum.bytes / total }))
  return functions.toSorted((a, b) => b.bytes - a.bytes)
}

/** A Markdown table of the first `top` functions, and of all together. */
export function renderAllocations(functions: readonly FunctionAllocations[], top: number, requests: number): string {
  const total = functions.reduce((sum, { bytes }) => sum + bytes, 0)
  const lines = functions
    .slice(0, top)
    .map(
      ({ name, place, bytes, share }) =>
        `| ${(share * 100).toFixed(1)} | ${(bytes / requests).toFixed(0)} | ${name} | ${place} |`,
    )
  const all = `| 100.0 | ${(total / requests).toFixed(0)} | all | |`
  return ['| self % | B/request | function | place |', '| ---: | ---: | --- | --- |', all, ...lines].join('\n')
}
