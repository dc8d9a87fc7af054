/** Importers by the name of what they read. */
import { importCaddyfile } from './caddyfile.ts'
import { importNpm } from './npm.ts'
import { importSwag } from './swag.ts'
import { importTraefik } from './traefik-labels.ts'
import type { Importer } from './types.ts'

export const importers: Readonly<Record<string, Importer>> = {
  'nginx-proxy-manager': importNpm,
  caddyfile: importCaddyfile,
  'traefik-labels': importTraefik,
  swag: importSwag,
}

export type { ImportedRoute, ReadNamed } from './types.ts'
export { writeYaml } from './write-yaml.ts'
