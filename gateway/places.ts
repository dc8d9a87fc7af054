/**
 * Where the files are that the gateway reads beside its code. This file stays directly in gateway/: the build joins all
 * code into files of that folder, so what is found from here is found from there too.
 */

/** Of the package: beside gateway/, or beside dist/. */
export const PACKAGE_FILE = new URL(
  import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
  import.meta.url,
)
export const PRESETS_FOLDER = new URL('./presets/', import.meta.url)
export const DASHBOARD_FOLDER = new URL('./admin/dashboard/assets/', import.meta.url)
