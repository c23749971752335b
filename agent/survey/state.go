package survey

import (
	"errors"
	"fmt"
	"path/filepath"

	"sallyport/agent/config"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/rootmodule"
)

// stateOf says where the state of a stack is, as far as its files on disk tell: whoever takes a stack over whose state lies elsewhere
// would have the first plan make everything a second time.
func stateOf(dir string, st *config.Stack) string {
	m, err := rootmodule.ReadBackends(dir, st.Tool.Reads())
	var wrong *diag.Error
	if errors.As(err, &wrong) {
		return err.Error()
	}
	if err != nil {
		return "" // why it cannot be planned is told beside it
	}
	given := map[string]string{}
	for name, value := range st.BackendConfig {
		given[name] = value.Reveal()
	}
	switch b := m.Merged; {
	case b.Cloud:
		return "a cloud block, which is refused: its plans run elsewhere; name another backend, or none"
	case b.Type == "remote":
		return `backend "remote", which is refused: its plans run elsewhere; name another backend, or none`
	case b.Kept(given):
		return fmt.Sprintf("kept by the agent, which begins with an empty one, since no lasting backend is named; one that there is comes in with: "+
			"sallyport exec %s -- state push - < terraform.tfstate", st.Name)
	case b.Type == "local":
		return "a local file at an absolute path, on the agent's machine"
	default:
		return fmt.Sprintf("backend %q", b.Type)
	}
}

// stateIn is [stateOf] in a checkout; empty where there is none.
func (s *surveyor) stateIn(st *config.Stack) string {
	if s.disk == "" || st.Engine == config.EnginePacker {
		return ""
	}
	at, _, err := s.tree.Resolve(st.Dir)
	if err != nil {
		return ""
	}
	return stateOf(filepath.Join(s.disk, filepath.FromSlash(at)), st)
}
