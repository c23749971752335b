package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/google/renameio/v2"

	"sallyport/notify/redact"
)

// environmentFile holds the environment that a plan was made in, beside the plan and as secret as it, so that the
// apply gets the very same one even if another agent starts it. It goes away with the plan.
const environmentFile = "environment.json"

func writeEnvironment(runDir string, env []string) error {
	data, err := json.Marshal(env)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(runDir, planDir, environmentFile), data, 0o600); err != nil {
		return fmt.Errorf("keeping the plan's environment: %w", err)
	}
	return nil
}

// readEnvironment is that environment with what only the apply gets; of two values for one name the last counts.
func readEnvironment(runDir string, applyEnv map[string]redact.Secret) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(runDir, planDir, environmentFile))
	if err != nil {
		return nil, err
	}
	var env []string
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("reading %s: %w", environmentFile, err)
	}
	var more []string
	for name, value := range applyEnv {
		more = append(more, name+"="+value.Reveal())
	}
	sort.Strings(more)
	return append(env, more...), nil
}
