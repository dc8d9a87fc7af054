/** Which of its setups a contender runs a workload with, and whether it has one. */
import type { StorePlace, Workload } from '../workloads.ts'
import type { Contender, Launch, Setting } from './types.ts'

/** False where it has no cache, holds answers elsewhere, or is there for its cache only. */
export function takesPart({ proxy, cache, coding }: Contender, workload: Workload): boolean {
  if (workload.coding !== null) {
    const hasSetup = workload.cache === null ? coding?.launch !== undefined : coding?.launchCached !== undefined
    return hasSetup && coding?.codings.includes(workload.coding) === true
  }
  if (workload.streams !== null) return proxy?.hasTls === true
  if (workload.cache === null) return proxy !== null
  return cache?.places.includes(workload.cache.place) === true
}

/** The process and files of a contender that takes part. */
export function launchFor(contender: Contender, workload: Workload, setting: Setting): Launch {
  if (!takesPart(contender, workload)) throw new Error(`${contender.name} takes no part in ${workload.name}`)
  const { coding } = contender
  if (workload.coding !== null) {
    const launch = workload.cache === null ? coding?.launch?.(setting) : coding?.launchCached?.(setting)
    return launch as Launch
  }
  const place: StorePlace | undefined = workload.cache?.place
  const launch = place === undefined ? contender.proxy?.launch(setting) : contender.cache?.launch({ ...setting, place })
  if (launch === undefined) throw new Error(`${contender.name} takes no part in ${workload.name}`)
  return launch
}

/** What it stands for in some workloads; empty where it takes part in none of them. */
export function aboutOf(contender: Contender, workloads: readonly Workload[]): string {
  const own = workloads.filter(workload => takesPart(contender, workload))
  const parts: string[] = []
  if (contender.proxy !== null && own.some(({ cache, coding }) => cache === null && coding === null))
    parts.push(contender.proxy.about)
  if (contender.cache !== null && own.some(({ cache, coding }) => cache !== null && coding === null)) {
    parts.push(`as a cache: ${contender.cache.about}`)
  }
  if (contender.coding !== undefined && own.some(({ coding }) => coding !== null)) {
    parts.push(`encoding: ${contender.coding.about}`)
  }
  return parts.join('; ')
}
