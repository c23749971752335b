package terraform

import (
	"context"

	"github.com/zclconf/go-cty/cty"
)

func contextForTools() context.Context { return context.Background() }

func numberVar(name string, n int64) map[string]cty.Value {
	return map[string]cty.Value{name: cty.NumberIntVal(n)}
}
