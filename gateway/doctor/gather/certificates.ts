/** Certificates: those that the gateway shows for the names of a route, and that of its first https origin. */
import { readFile } from 'node:fs/promises'
import type { RouteConfig } from '../../config/types.ts'
import type { OriginFacts, RouteFacts } from '../facts.ts'
import { doorFor } from '../places.ts'
import { readCertificate } from '../probes/certificate.ts'

const MAX_NAMES = 8

export async function gatherCertificates(
  route: RouteConfig,
  listen: readonly string[],
  origins: readonly OriginFacts[],
): Promise<Pick<RouteFacts, 'certificates' | 'originCertificate'>> {
  const doors = route.match.hosts.flatMap(host => doorFor(listen, host) ?? [])
  const secure = doors.filter(({ place }) => place.secure).slice(0, MAX_NAMES)
  const https = origins.find(({ origin }) => origin.place.secure)?.origin
  return {
    certificates: await Promise.all(secure.map(({ place, name }) => readCertificate(place, name))),
    originCertificate:
      https === undefined
        ? null
        : await readCertificate(https.place, route.tls.serverName ?? https.host ?? '', await authority(route.tls.ca)),
  }
}

/** Null where there is none, or this user may not read it. */
async function authority(file: string | null): Promise<string | null> {
  return file === null ? null : await readFile(file, 'utf8').catch(() => null)
}
