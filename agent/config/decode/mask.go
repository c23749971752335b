package decode

import (
	"bytes"
	"regexp"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// userinfo matches what stands between :// and the last @ of a literal, where a URL could hide a password.
var userinfo = regexp.MustCompile(`://([^\s]*)@`)

// secretAttributes are the names whose literals are blotted out of quoted lines.
func secretAttributes() map[string]bool {
	return map[string]bool{
		"token": true, "app_token": true, "passphrase": true, "password": true, "private_key": true, "secret": true,
		"headers": true, // of requests: a map, of which values are secrets more often than not
	}
}

// maskSource returns data with every literal secret replaced by as many asterisks, so that columns stay right. It works
// on tokens, not on the parsed file, because faults of syntax are quoted too.
func maskSource(name string, data []byte) []byte {
	masked := bytes.Clone(data)
	tokens, _ := hclsyntax.LexConfig(data, name, hcl.InitialPos)
	secrets := secretAttributes()
	inSecret := false
	heredoc, parens := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenEqual:
			inSecret = inSecret || i > 0 && secrets[string(tokens[i-1].Bytes)]
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
