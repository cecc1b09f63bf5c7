import cardfraud.HoldsCardNumber;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Asks the stream job's function of each line of the input, a member of a JSON object: key": "text". Answers true or false, a line each. */
public class CardNumberLines {
    public static void main(String[] arguments) throws IOException {
        HoldsCardNumber function = new HoldsCardNumber();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        StringBuilder answers = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.append(function.eval(line)).append('\n');
        }
        new PrintStream(System.out, true, StandardCharsets.UTF_8).print(answers);
    }
}
