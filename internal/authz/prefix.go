package authz

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

// prefixes is a radix tree over the names of prefix patterns. Its cost grows
// with the length of the name looked up, not with the number of patterns.
type prefixes struct {
	label  string // what a name must go on with to reach this node
	grants grants // of the prefix that ends here; may be empty
	first  []byte // first bytes of the children's labels
	below  []*prefixes
}

// newPrefixes builds the tree from the grants of each prefix; nil when there is none.
func newPrefixes(of map[string]grants) *prefixes {
	if len(of) == 0 {
		return nil
	}
	return branch(slices.Sorted(maps.Keys(of)), 0, of)
}

// branch makes the node for sorted names that share their first from bytes.
func branch(names []string, from int, of map[string]grants) *prefixes {
	first, last := names[0], names[len(names)-1]
	end := from
	for end < len(first) && end < len(last) && first[end] == last[end] {
		end++
	}
	n := &prefixes{label: first[from:end]}
	if len(first) == end {
		n.grants = of[first]
		names = names[1:]
	}
	for len(names) > 0 {
		c := names[0][end]
		same := slices.IndexFunc(names, func(s string) bool { return s[end] != c })
		if same < 0 {
			same = len(names)
		}
		n.first = append(n.first, c)
		n.below = append(n.below, branch(names[:same], end, of))
		names = names[same:]
	}
	return n
}

// find looks for a grant of an operation among the prefixes of name.
func (n *prefixes) find(name string, op iam.Operation) *bound {
	for n != nil && strings.HasPrefix(name, n.label) {
		if b := n.grants.find(op); b != nil {
			return b
		}
		name = name[len(n.label):]
		if name == "" {
			return nil
		}
		i := bytes.IndexByte(n.first, name[0])
		if i < 0 {
			return nil
		}
		n = n.below[i]
	}
	return nil
}
