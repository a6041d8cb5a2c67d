package upstream

import (
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// mostBrokers is more than any cluster has, and as many as clients can be told
// addresses of.
const mostBrokers = 4096

// hostname has the characters that Kafka's clients take in a host
// (org.apache.kafka.common.utils.Utils.HOST_PORT_PATTERN).
var hostname = regexp.MustCompile(`^[0-9a-zA-Z\-%._:]{1,255}$`)

// brokersOf reads the list of brokers. One entry that cannot be is reason
// enough to believe none: what is listed is dialled, with klamm's own login.
func brokersOf(resp *kmsg.MetadataResponse) (map[int32]Broker, error) {
	if n := len(resp.Brokers); n > mostBrokers {
		return nil, unbelievable("a list of %d brokers, expected at most %d", n, mostBrokers)
	}
	found := make(map[int32]Broker, len(resp.Brokers))
	for _, b := range resp.Brokers {
		_, twice := found[b.NodeID]
		switch {
		case b.NodeID < 0:
			return nil, unbelievable("a broker with the node id %d, expected none below 0", b.NodeID)
		case twice:
			return nil, unbelievable("broker %d twice in the list of brokers", b.NodeID)
		case !hostname.MatchString(b.Host) || b.Port < 1 || b.Port > 65535:
			return nil, unbelievable("broker %d at host %.300q and port %d, expected a host name and a port within 1-65535", b.NodeID, b.Host, b.Port).
				Mend("look at advertised.listeners of broker %d", b.NodeID)
		}
		rack := ""
		if b.Rack != nil {
			rack = *b.Rack
		}
		found[b.NodeID] = Broker{b.NodeID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))), rack}
	}
	return found, nil
}

// checkVersions reads what a broker says that it serves. Clients are offered
// versions by it, so a range that cannot be spoils the whole answer.
func checkVersions(resp *kmsg.ApiVersionsResponse) error {
	if len(resp.ApiKeys) == 0 {
		return unbelievable("no API key that the broker serves, expected a list of them")
	}
	seen := make(map[int16]bool, len(resp.ApiKeys))
	for _, k := range resp.ApiKeys {
		switch {
		case k.ApiKey < 0:
			return unbelievable("API key %d, expected none below 0", k.ApiKey)
		case seen[k.ApiKey]:
			return unbelievable("API key %d twice in the list of API keys", k.ApiKey)
		case k.MinVersion < 0 || k.MaxVersion < k.MinVersion:
			return unbelievable("versions %d to %d of API key %d, expected an ascending range that begins at 0 or above", k.MinVersion, k.MaxVersion, k.ApiKey)
		}
		seen[k.ApiKey] = true
	}
	return nil
}

func unbelievable(format string, args ...any) *fault.Error {
	return fault.New(fault.Malformed, format, args...).Mend("look whether it is a Kafka broker that answers at the address")
}

// disbelieve makes the error of an answer that is of no use, whatever is wrong
// with it, and tells the log, once in a minute for each broker: whoever needs
// the answer asks again.
func (c *Cluster) disbelieve(broker int32, key int16, cause error) error {
	who := "a broker"
	if broker != Any {
		who = "broker " + strconv.Itoa(int(broker))
	}
	err := fault.New(fault.Unavailable, "%s of cluster %q sent an answer to %s that is of no use", who, c.cfg.Name, kmsg.NameForKey(key)).Because(cause)
	err.Hint = fault.HintOf(cause)
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, told := c.told[broker]; told && time.Since(last) < time.Minute {
		return err
	}
	if len(c.told) >= mostBrokers {
		clear(c.told)
	}
	c.told[broker] = time.Now()
	c.cfg.Log.Warn("an answer of no use", "cluster", c.cfg.Name, "broker", broker, "detail", fault.Detail(err))
	return err
}
