/** A function as V8's profiles name it. */

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0; -1 for V8's own. */
  readonly lineNumber: number
}

export function nameOf({ functionName }: CallFrame): string {
  return functionName === '' ? '(anonymous)' : functionName
}

/** `path:line`, shortened to what follows node_modules or the project's folder; empty for V8's own. */
export function placeOf({ url, lineNumber }: CallFrame, projectFolder: string): string {
  return url === '' ? '' : `${shortUrl(url, projectFolder)}:${lineNumber + 1}`
}

function shortUrl(url: string, projectFolder: string): string {
  const path = url.startsWith('file://') ? url.slice('file://'.length) : url
  const packages = path.lastIndexOf('node_modules/')
  if (packages !== -1) return path.slice(packages + 'node_modules/'.length)
  return path.startsWith(`${projectFolder}/`) ? path.slice(projectFolder.length + 1) : path
}
