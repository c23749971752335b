package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"sallyport/notify/redact"
)

// inputs is a digest (SHA-256, hex) of everything that reaches terraform but the directory, which a stacks block does
// not know yet. Who approves, and where it is told, is no part of it: changing that makes no plan stale.
func (d *stackDecoder) inputs(s *Stack) string {
	t := d.cfg.Terraform
	engine := s.Tool.Engine
	if s.Engine == EnginePacker {
		t, engine = Terraform{User: t.User}, s.Engine
	}
	record := struct {
		Repository, Workspace                string
		VarFiles                             []string
		Vars                                 map[string]json.RawMessage
		Env, PlanEnv, ApplyEnv, Backend      map[string]string
		Version, Binary, CLIConfig, Revision string
		User, Engine, Mirror                 string     `json:",omitempty"`
		AWS                                  []string   `json:",omitempty"`
		Template                             string     `json:",omitempty"`
		Images                               []ImageVar `json:",omitempty"`
	}{
		Repository: s.Repository, Workspace: s.Workspace, VarFiles: s.VarFiles,
		Vars: jsonVars(s.Vars), Env: reveal(s.Env), PlanEnv: reveal(s.PlanEnv), ApplyEnv: reveal(s.ApplyEnv), Backend: reveal(s.BackendConfig),
		Version: s.Tool.Version, Binary: s.Tool.Binary, Engine: engine, Template: s.Template, Images: s.Images, CLIConfig: t.CLIConfigFile, Mirror: t.ProviderMirror, User: t.User,
		Revision: "1", // of this record: another form would make every waiting plan stale
	}
	if aws := s.AWS; aws != nil {
		record.AWS = []string{aws.RoleARN, aws.PlanRoleARN, aws.ExternalID.Reveal(), aws.Region}
	}
	// Maps are written in the order of their keys, so the digest does not depend on how the file is written.
	data, err := json.Marshal(record)
	if err != nil {
		// Strings and JSON that was just made: there is nothing that could not be written.
		panic(fmt.Sprintf("writing the inputs of a stack: %v", err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// finalInputs is Stack.Inputs: the digest together with the directory.
func finalInputs(inputs, dir string) string {
	sum := sha256.Sum256([]byte(inputs + "\x00" + dir))
	return hex.EncodeToString(sum[:])
}

func jsonVars(vars map[string]cty.Value) map[string]json.RawMessage {
	if len(vars) == 0 {
		return nil
	}
	m := make(map[string]json.RawMessage, len(vars))
	for name, v := range vars {
		data, err := ctyjson.SimpleJSONValue{Value: v}.MarshalJSON()
		if err != nil {
			// Infinity is the one value of a configuration that JSON does not know.
			data = []byte(`"no JSON"`)
		}
		m[name] = data
	}
	return m
}

func reveal(m map[string]redact.Secret) map[string]string {
	if len(m) == 0 {
		return nil
	}
	plain := make(map[string]string, len(m))
	for k, v := range m {
		plain[k] = v.Reveal()
	}
	return plain
}
