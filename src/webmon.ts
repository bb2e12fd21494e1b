#!/usr/bin/env node
/** The command line: `webmon --help`. One file of src/commands for each group of commands. */
import { addAlerts } from './commands/alert.ts'
import { addCheck } from './commands/check.ts'
import { commandLine } from './commands/commandLine.ts'
import { addDatabase } from './commands/database.ts'
import { addDeadLetters } from './commands/deadLetter.ts'
import { addDoctor } from './commands/doctor.ts'
import { addWebsites } from './commands/website.ts'

const program = commandLine()
addCheck(program)
addWebsites(program)
addDoctor(program)
addDatabase(program)
addDeadLetters(program)
addAlerts(program)
await program.parseAsync()
