import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const localFolder = path.dirname(fileURLToPath(import.meta.url))
/** The clone. */
export const projectFolder = path.dirname(localFolder)
/** Ignored by git: what was downloaded, and under `local` what `make local` keeps. */
export const dataFolder = path.join(projectFolder, 'data')
