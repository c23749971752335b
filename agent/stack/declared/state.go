package declared

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// InState are the addresses of the instances of managed resources in a state, as terraform writes them.
func InState(state []byte) (map[string]bool, error) {
	var read struct {
		Resources []struct {
			Module, Mode, Type, Name string
			Instances                []struct {
				Key any `json:"index_key"`
			}
		}
	}
	if err := json.Unmarshal(state, &read); err != nil {
		return nil, fmt.Errorf("reading the addresses in a state: %w", err)
	}
	out := map[string]bool{}
	for _, r := range read.Resources {
		if r.Mode != "managed" {
			continue
		}
		at := r.Type + "." + r.Name
		if r.Module != "" {
			at = r.Module + "." + at
		}
		for _, i := range r.Instances {
			switch key := i.Key.(type) {
			case string:
				out[at+inBrackets(quoted(key))] = true
			case float64:
				out[at+inBrackets(strconv.FormatFloat(key, 'f', -1, 64))] = true
			default:
				out[at] = true
			}
		}
	}
	return out, nil
}
