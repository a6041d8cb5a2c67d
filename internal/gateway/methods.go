package gateway

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// methods are the names of requests in audit events, in Kafka's spelling.
var methods = methodNames()

// methodOf is the name of a request; what has none is Unknown.
func methodOf(key int16) string {
	if name, ok := methods[key]; ok {
		return name
	}
	return "kafka.Unknown"
}

func methodNames() map[int16]string {
	spelling := strings.NewReplacer("SASL", "Sasl", "ACLs", "Acls", "SCRAM", "Scram", "IDs", "Ids", "ID", "Id", "ISR", "Isr", "PartitionAssignments", "PartitionReassignments")
	names := map[int16]string{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		names[key] = "kafka." + spelling.Replace(kmsg.Key(key).Name())
	}
	return names
}
