import java.util.Properties;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.AdminClient;

/** Makes a Kafka client with the settings given as NAME=VALUE: it loads their classes, and talks to no one. */
public class IamClient {
    public static void main(String[] settings) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", "127.0.0.1:1");
        for (String setting : settings) {
            int end = setting.indexOf('=');
            properties.put(setting.substring(0, end), setting.substring(end + 1));
        }
        try (AdminClient client = AdminClient.create(properties)) {
            System.out.println("made");
        }
    }
}
