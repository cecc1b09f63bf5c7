package cardfraud;

import java.io.IOException;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.table.data.RowData;

/**
 * A row as it comes from another task, without the way through a network buffer. The operators of one task write their results into
 * the same row again and again, so a window could not keep it; and a window reads its time in the form that rows have in bytes.
 */
public final class Copy implements MapFunction<RowData, RowData> {
  private static final int ROW_BYTES = 1024;

  private final TypeSerializer<RowData> rows;
  private transient DataOutputSerializer written;
  private transient DataInputDeserializer read;

  public Copy(TypeSerializer<RowData> rows) {
    this.rows = rows;
  }

  @Override
  public RowData map(RowData row) throws IOException {
    if (written == null) {
      written = new DataOutputSerializer(ROW_BYTES);
      read = new DataInputDeserializer();
    }
    written.clear();
    rows.serialize(row, written);
    read.setBuffer(written.getSharedBuffer(), 0, written.length());
    return rows.deserialize(read);
  }
}
