package control

import (
	"path/filepath"
	"strconv"

	"sallyport/store"
)

// Where things lie in a data directory. The agent writes them, [Offline] and backups read them.
const (
	storeFile    = "sallyport.db"
	runsDir      = "runs"
	stateDir     = "state"  // states that the agent keeps, one directory per stack
	stateCopies  = "states" // copies made before applies
	planTextFile = "plan.txt"
	planTextDir  = "plan" // where a run that has not ended has it
)

// StorePath is where the store lies in a data directory.
func StorePath(dataDir string) string { return filepath.Join(dataDir, storeFile) }

// StateDir is where the agent keeps a stack's state in a data directory.
func StateDir(dataDir, stack string) string {
	return filepath.Join(dataDir, stateDir, store.FileName(stack))
}

// StatesDir is where the copies of a stack's state lie in a data directory.
func StatesDir(dataDir, stack string) string {
	return filepath.Join(dataDir, stateCopies, store.FileName(stack))
}

// StateCopySuffix ends the name of each of them.
const StateCopySuffix = ".tfstate.zst"

// RunDir is where the files of a run lie in a data directory.
func RunDir(dataDir string, run int) string {
	return filepath.Join(dataDir, runsDir, strconv.Itoa(run))
}
