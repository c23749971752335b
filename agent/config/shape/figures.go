package shape

import "sallyport/agent/config/decode"

// Metrics is the shape of the metrics block.
func Metrics() decode.Shape {
	return decode.Shape{Text: "figures for Prometheus, over HTTP or in a file for node_exporter, or both", Attributes: []decode.Attribute{
		{Name: "listen", Type: decode.String, Example: `"127.0.0.1:9746"`, Missing: "nothing listens",
			Text: "an address of this machine and a port: /metrics, /healthz and /readyz are served there"},
		{Name: "textfile", Type: decode.String, Example: `"/var/lib/node_exporter/sallyport.prom"`, Missing: "no file is written",
			Text: "an absolute path: the same figures, for node_exporter's textfile collector, which reads *.prom"},
		{Name: "allow_remote", Type: decode.Boolean, Default: "false", Example: "true", Text: "true: listen may be an address that other machines reach"},
	}}
}
