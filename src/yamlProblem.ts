import type { YAMLException } from 'js-yaml'

/** What is wrong with a YAML text, without the words that its reader quotes from it: any of them can be a secret. */
export function yamlProblem({ reason }: YAMLException): string {
  return reason.replace(/".*"|!<.*>|(?<=: ).*/s, '...')
}

/** The same, and where, as (line:column). */
export function yamlProblemAndPlace(error: YAMLException): string {
  const { mark } = error
  return mark ? `${yamlProblem(error)} (${mark.line + 1}:${mark.column + 1})` : yamlProblem(error)
}
