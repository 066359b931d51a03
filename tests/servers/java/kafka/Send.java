import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends what is written to it, for tests. Argument: the broker. A line is one of
 *   topic NAME PARTITIONS      makes a topic
 *   send NAME PARTITION JSON   sends an event
 *   flush                      waits until all was taken
 *   slow CLIENT BYTES          lets readers of this client.id have so many bytes a second
 * and the answer to all but `send` is a line `done`.
 */
public class Send {
  public static void main(String[] args) throws Exception {
    Properties own = new Properties();
    own.put("bootstrap.servers", args[0]);
    own.put("acks", "all");
    own.put("linger.ms", "5");
    // one after the other: of a new topic the first may be refused, and those behind it for good
    own.put("max.in.flight.requests.per.connection", "1");
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var bytes = new ByteArraySerializer();
    try (var admin = Admin.create(own); var producer = new KafkaProducer<>(own, bytes, bytes)) {
      for (String line; (line = in.readLine()) != null; ) {
        String[] part = line.split(" ", 4);
        if (part[0].equals("send")) {
          byte[] event = part[3].getBytes(StandardCharsets.UTF_8);
          producer.send(new ProducerRecord<byte[], byte[]>(part[1], Integer.parseInt(part[2]), null, event), (taken, error) -> {
            if (error != null) { error.printStackTrace(); System.exit(1); }
          });
          continue;
        }
        if (part[0].equals("slow")) {
          var client = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, part[1]));
          var rate = new ClientQuotaAlteration.Op("consumer_byte_rate", Double.valueOf(part[2]));
          admin.alterClientQuotas(List.of(new ClientQuotaAlteration(client, List.of(rate)))).all().get();
        } else if (part[0].equals("topic"))
          admin.createTopics(List.of(new NewTopic(part[1], Integer.parseInt(part[2]), (short) 1))).all().get();
        else producer.flush();
        System.out.println("done");
      }
    }
  }
}
