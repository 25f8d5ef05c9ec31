/** `file_alias` -> `fileAlias`: a column in the words of the domain. */
export function camelCase(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
