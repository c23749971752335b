package decode

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/notify/redact"
)

// userinfo matches what stands between :// and the last @ of a literal, where a URL could hide a password.
var userinfo = regexp.MustCompile(`://([^\s]*)@`)

// IsSecret reports whether the literals of an attribute are secrets, which are blotted out of quoted lines. Locals and elements of for_each have names that
// end like those of the attributes which they are for. Headers of requests are a map, of which values are secrets more often than not.
func IsSecret(name string) bool {
	for _, secret := range []string{"token", "passphrase", "password", "private_key", "secret", "headers", "ping_url"} {
		if name == secret || strings.HasSuffix(name, "_"+secret) {
			return true
		}
	}
	return false
}

// maskValues blots out what is known to be a secret, wherever it stands: a literal may have come to its place by a local.
func maskValues(secrets []redact.Secret, data []byte) []byte {
	for _, secret := range secrets {
		if value := []byte(secret.Reveal()); len(value) >= 4 && bytes.Contains(data, value) {
			data = bytes.ReplaceAll(data, value, bytes.Repeat([]byte("*"), len(value)))
		}
	}
	return data
}

// maskSource returns data with every literal secret replaced by as many asterisks, so that columns stay right. It works
// on tokens, not on the parsed file, because faults of syntax are quoted too.
func maskSource(name string, data []byte) []byte {
	masked := bytes.Clone(data)
	tokens, _ := hclsyntax.LexConfig(data, name, hcl.InitialPos)
	inSecret := false
	heredoc, parens := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenEqual:
			inSecret = inSecret || i > 0 && IsSecret(string(tokens[i-1].Bytes))
			parens = 0
		case hclsyntax.TokenOHeredoc:
			heredoc++
		case hclsyntax.TokenCHeredoc:
			heredoc--
		case hclsyntax.TokenNewline, hclsyntax.TokenCBrace:
			if heredoc <= 0 {
				inSecret = false
			}
		case hclsyntax.TokenOParen: // the arguments of credential("name") are no secrets
			parens++
		case hclsyntax.TokenCParen:
			parens--
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenInvalid, hclsyntax.TokenBadUTF8:
			text := masked[t.Range.Start.Byte:t.Range.End.Byte]
			if inSecret && parens <= 0 {
				blot(text)
				continue
			}
			for _, at := range userinfo.FindAllSubmatchIndex(text, -1) {
				if user := text[at[2]:at[3]]; !bytes.Equal(user, []byte("git")) {
					blot(user)
				}
			}
		}
	}
	return masked
}

// blot overwrites everything but line ends.
func blot(b []byte) {
	for i := range b {
		if b[i] != '\n' && b[i] != '\r' {
			b[i] = '*'
		}
	}
}
